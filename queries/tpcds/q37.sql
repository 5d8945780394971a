--! title = "Stocked catalog items of some manufacturers"
--! question = "Which items of four manufacturers in a price band were moderately stocked within 60 days and are sold by catalog?"
--! param.INVDATE = { default = "2000-02-01", date = ["{YEAR}-01-01", "{YEAR}-07-24"] }
--! param.MANUFACT_ID = { default = [677, 940, 694, 808], count = 4, int = [667, 1000] }
--! param.PRICE = { default = 68, int = [10, 70] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }

select
    i_item_id,
    i_item_desc,
    i_current_price
from item
join inventory on i_item_sk = inv_item_sk
join date_dim on inv_date_sk = d_date_sk
-- no filter on the sale: a catalog sale at any time is enough
join catalog_sales on i_item_sk = cs_item_sk
where i_current_price between {PRICE} and {PRICE} + 30
    and d_date between {INVDATE} and {INVDATE} + interval '60' day
    and i_manufact_id in ({MANUFACT_ID})
    and inv_quantity_on_hand between 100 and 500
group by i_item_id, i_item_desc, i_current_price
order by i_item_id
limit 100
