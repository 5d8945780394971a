--! title = "Stock levels around a price change"
--! question = "In which warehouses did the stock of items of 0.99 to 1.49 change by no more than a third down or a half up between the 30 days before a date and the 30 days from it?"
--! param.SALES_DATE = { default = "2000-03-11", date = ["{YEAR}-01-31", "{YEAR}-07-01"] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! deviations = ["the ratio and its two limits are divided as double, not as integers, so an exact 2/3 or 3/2 is inside on every engine"]

select *
from (
    select
        w_warehouse_name,
        i_item_id,
        sum(case when d_date < {SALES_DATE} then inv_quantity_on_hand else 0 end) as inv_before,
        sum(case when d_date >= {SALES_DATE} then inv_quantity_on_hand else 0 end) as inv_after
    from inventory
    join warehouse on inv_warehouse_sk = w_warehouse_sk
    join item on inv_item_sk = i_item_sk
    join date_dim on inv_date_sk = d_date_sk
    where i_current_price between 0.99 and 1.49
        and d_date between {SALES_DATE} - interval '30' day and {SALES_DATE} + interval '30' day
    group by w_warehouse_name, i_item_id
) as stock
where case
        when inv_before > 0 then cast(inv_after as double) / cast(inv_before as double)
    end between cast(2 as double) / 3 and cast(3 as double) / 2
order by w_warehouse_name nulls first, i_item_id
limit 100
