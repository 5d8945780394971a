--! title = "Managers with uneven monthly sales"
--! question = "For which managers of some selected brands did the store sales of a month deviate by more than 10 percent from their average month?"
--! param.DMS = { default = 1200, int = [1176, 1224] }

select
    i_manager_id,
    sum_sales,
    avg_monthly_sales
from (
    select
        i_manager_id,
        sum(ss_sales_price) as sum_sales,
        avg(sum(ss_sales_price)) over (partition by i_manager_id) as avg_monthly_sales
    from item
    join store_sales on i_item_sk = ss_item_sk
    join date_dim on ss_sold_date_sk = d_date_sk
    join store on ss_store_sk = s_store_sk
    where d_month_seq in (
            {DMS}, {DMS} + 1, {DMS} + 2, {DMS} + 3, {DMS} + 4, {DMS} + 5,
            {DMS} + 6, {DMS} + 7, {DMS} + 8, {DMS} + 9, {DMS} + 10, {DMS} + 11
        )
        and (
            (
                i_category in ('Books', 'Children', 'Electronics')
                and i_class in ('personal', 'portable', 'reference', 'self-help')
                and i_brand in (
                    'scholaramalgamalg #14', 'scholaramalgamalg #7',
                    'exportiunivamalg #9', 'scholaramalgamalg #9'
                )
            )
            or (
                i_category in ('Women', 'Music', 'Men')
                and i_class in ('accessories', 'classical', 'fragrances', 'pants')
                and i_brand in (
                    'amalgimporto #1', 'edu packscholar #1',
                    'exportiimporto #1', 'importoamalg #1'
                )
            )
        )
    group by i_manager_id, d_moy
) as monthly_sales
where case
        when avg_monthly_sales > 0 then abs(sum_sales - avg_monthly_sales) / avg_monthly_sales
    end > 0.1
order by i_manager_id nulls first, avg_monthly_sales, sum_sales
limit 100
