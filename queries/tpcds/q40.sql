--! title = "Catalog sales before and after a price change"
--! question = "What were the net catalog sales of low-priced items by warehouse state in the 30 days before and after a day?"
--! param.SALES_DATE = { default = "2000-03-11", date = ["{YEAR}-01-31", "{YEAR}-07-01"] }
--! param.YEAR = { default = 2000, int = [1998, 2002] }

select
    w_state,
    i_item_id,
    sum(
        case
            when d_date < {SALES_DATE} then cs_sales_price - coalesce(cr_refunded_cash, 0)
            else 0
        end
    ) as sales_before,
    sum(
        case
            when d_date >= {SALES_DATE} then cs_sales_price - coalesce(cr_refunded_cash, 0)
            else 0
        end
    ) as sales_after
from catalog_sales
left join catalog_returns
    on cs_order_number = cr_order_number
    and cs_item_sk = cr_item_sk
join warehouse on cs_warehouse_sk = w_warehouse_sk
join item on cs_item_sk = i_item_sk
join date_dim on cs_sold_date_sk = d_date_sk
where i_current_price between 0.99 and 1.49
    and d_date between {SALES_DATE} - interval '30' day and {SALES_DATE} + interval '30' day
group by w_state, i_item_id
order by w_state nulls first, i_item_id
limit 100
